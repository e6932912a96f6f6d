import { deliveryApp } from './app';

deliveryApp();
